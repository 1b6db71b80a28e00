"""Another patient, as the obscurer of this name shows one."""

from unoise.obscurers.donor import Donor

NEEDS = ("donor",)
CONTENT = Donor().fill
