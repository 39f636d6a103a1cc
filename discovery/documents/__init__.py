"""Documents about records that others harvest, cite and find: schema.org, DCAT-AP and citations.

Everything here is made of a `Record` and a `Site` alone: no face, no store and no engine is known, and nothing is
fetched. What strangers wrote passes through `words` and `addresses` before it stands in a document.
"""
