"""Web: pages and API, one folder per audience.

Owns: urls, guards, page values, templates, static assets.
May import: every room below.
Never: holds a rule or a query; a view is guard, one domain call, a page value, a template.
"""
