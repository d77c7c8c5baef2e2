"""The data protection officer's desk: requests, consents, impact assessments, retention, incidents.

Audience: the officer responsible for personal information. What is due first stands first.
"""
