"""The page in the browser: colors photos dropped on it. It imports colorize_utils, never the other way round."""
