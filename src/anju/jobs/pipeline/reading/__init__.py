"""Files read, checked and standardised into a batch's files, here or by Spark's executors: free of Django.

``intake`` beside it keeps the catalogue and decides what is accepted.
"""
