"""The kinds of components, one a file: the decorator, the traits that it takes, and the rules of that kind alone.

`draft` is what every decorator makes, `rules` what holds for every kind.  The roles of each kind are in ../roles.py.
A new kind takes a file here, its roles there, and its decorator's name in declare.py and in `numbann` itself.
"""
