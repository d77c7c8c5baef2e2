"""Resident pages: what is held about me, who looked, what I asked, what I agreed to.

Audience: the person themselves, on a small phone. One thing a page, big targets, the next step in a sentence.
Every page is about the person code of the one who is logged in; there is no code in any address.
"""
