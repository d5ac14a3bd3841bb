"""The documentation as a site: what MkDocs is given beside the pages of ``docs/``. ``make docs`` builds it."""
