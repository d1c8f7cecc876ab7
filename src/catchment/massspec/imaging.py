"""Terms of imaging mass spectrometry (vocabulary IMS 0.9.1, which is no part of psi-ms) that are read and written."""

from __future__ import annotations

# where a pixel lies: counted from 1, x to the right, y downwards
POSITION_X, POSITION_Y = "IMS:1000050", "IMS:1000051"
POSITIONS = {
    POSITION_X: "position x",
    POSITION_Y: "position y",
    "IMS:1000052": "position z",
    "IMS:1000055": "subimage position x",
    "IMS:1000056": "subimage position y",
    "IMS:1000057": "subimage position z",
}
PIXELS_X, PIXELS_Y = "IMS:1000042", "IMS:1000043"
# how the image was taken, as a run's scan settings say it
SETTINGS = {
    PIXELS_X: "max count of pixels x",
    PIXELS_Y: "max count of pixels y",
    "IMS:1000044": "max dimension x",
    "IMS:1000045": "max dimension y",
    "IMS:1000046": "pixel size (x)",
    "IMS:1000047": "pixel size y",
    "IMS:1000053": "absolute position offset x",
    "IMS:1000054": "absolute position offset y",
    "IMS:1000110": "pixel mode",
    "IMS:1000111": "raster mode",
    "IMS:1000112": "stigmatic mode",
    "IMS:1000400": "bottom up",
    "IMS:1000401": "top down",
    "IMS:1000402": "left right",
    "IMS:1000403": "right left",
    "IMS:1000404": "no direction",
    "IMS:1000410": "meandering",
    "IMS:1000411": "one way",
    "IMS:1000412": "random access",
    "IMS:1000413": "flyback",
    "IMS:1000480": "horizontal line scan",
    "IMS:1000481": "vertical line scan",
    "IMS:1000490": "linescan right left",
    "IMS:1000491": "linescan left right",
    "IMS:1000492": "linescan bottom up",
    "IMS:1000493": "linescan top down",
}
# how an imzML was written: what its .ibd is called by, and where in it an array lies
UUID, MD5, SHA1 = "IMS:1000080", "IMS:1000090", "IMS:1000091"
MODES = {"IMS:1000030": "continuous", "IMS:1000031": "processed"}
OFFSET, LENGTH, ENCODED_LENGTH = "IMS:1000102", "IMS:1000103", "IMS:1000104"
