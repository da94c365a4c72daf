"""A run on Google Drive: its copy there (`mirror`), and the run that a notebook asks for (`notebook_run`)."""
