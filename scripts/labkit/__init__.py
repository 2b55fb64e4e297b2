"""The lab from Python: namespaces, Rempart in them, phones, sounds. Used by scripts/run and by the functional tests."""
