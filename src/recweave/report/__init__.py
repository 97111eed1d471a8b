"""Finished runs read: comparison, verdict, the report on text features, plots, HTML, audit."""
