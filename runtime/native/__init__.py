"""The call path in machine code, for interpreters whose objects are known; it behaves as its twin."""
