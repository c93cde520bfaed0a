"""Answers for programs: rows of JSON or CSV in, predictions as JSON out, over HTTP or line by line."""
