"""``empaste plan``: what a run would take, stage by stage, before any of it runs.

Every stage's counts follow from its settings and from the size of the data set (`stages`); times follow from measured
rates (`rates`, ``rates.yaml``); `forecast.list_lacks` and `downloads` say what is still to be installed and fetched.
"""
