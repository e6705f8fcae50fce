"""How Python becomes a program: signatures, guards, tracing and transforms; knows no layers or models."""
