"""The catalogue: tables over every study, dataset, sample and file of a release, and the questions asked of them."""
