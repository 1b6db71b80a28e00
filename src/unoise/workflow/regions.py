"""The regions that have a name wherever they stand in configs and tables."""

INSIDE, BORDER, NEAR, FAR = "inside", "border", "near", "far"
BANDS = (INSIDE, BORDER, NEAR, FAR)  # by distance to the predicted target
OUTSIDE, TABLE, TEXT = "outside-body", "table", "text"
FOUND = {TABLE: 1, TEXT: 2}  # looked for in the scan: values in the volume that holds them
NAMED = (*BANDS, OUTSIDE, *FOUND)
