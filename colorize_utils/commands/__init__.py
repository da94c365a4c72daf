"""One file a command: ``add_arguments(parser)`` and ``main(args)``, which returns the exit status."""
