"""How the tables of one version become those of the next: Alembic's environment and revisions.

Run by `farandole database upgrade`; written by `make migration`. Not here: the model, which is in
`aaa.model` and `portal.model`.
"""
