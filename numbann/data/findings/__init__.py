"""Findings: what a person should know of the data before trusting a model of it, each with its remedy.

Each looks at no more than some thousand cells of a column, so that all of them take a small share of the reading.
"""
