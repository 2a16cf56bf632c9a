"""Made-up pictures with exact truth: nothing to download, nobody's consent to ask.

Every picture is a pure function of a seed and an index. Truth is exact because what is outlined
is what was painted.
"""
