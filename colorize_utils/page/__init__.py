"""The page in the browser: colors photos dropped on it. Its dependencies are optional; nothing else imports it."""
