"""The steps from an older file to the tables of `bot.storage.schema`, in order of their revision.

A step is written once and never changed after a release. Revisions are numbers of four digits, so that they compare.
"""
