"""The page in the browser: colors photos that are dropped on it. It imports colorize_utils, never the other way round."""
