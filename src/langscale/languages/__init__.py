"""Facts of languages: codes of data sets, scripts, branches and families."""
