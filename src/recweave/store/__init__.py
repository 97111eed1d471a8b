"""Things on disk: folders of arrays, written whole and read without running code."""
