"""Tables for reading, figures, the report and the provenance of a study."""
