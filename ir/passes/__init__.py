"""The passes, one file each, named as the pass; a pass knows graphs and no machine."""
