"""Shell: what every page shares, whoever it is for.

Owns: the frame, the tokens, the components and their gallery, navigation as data, the language switch and its
words, error pages, the list of front-end files that are served.
May import: the kernel.
Never: knows an audience's pages, reads the register.
"""
