"""The page on which networks are trained: the form, runs as they go, and saved runs side by side."""
