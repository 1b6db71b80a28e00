"""Malformed scans in a real Snakemake: each costs its own case, says so in a line, and leaves nothing half written."""

import subprocess
import sys
from pathlib import Path

import pytest
from corpus import malformed
from corpus.nifti import SETTINGS, save, stored

SCRIPT = Path(__file__).parents[1] / "workflow/scripts/preprocess.py"
BAD = {"zero": ("nifti", "slope of zero"), "bomb": ("nifti", "gzip bomb"), "seven": ("labels", "unexpected value")}
CASES = [*BAD, "sound"]
SNAKEFILE = f"""
config["experiment"] = "made"

rule all:
    input: expand("out/{{case}}/image.nii.gz", case={CASES})

rule preprocess:
    input:
        image="in/{{case}}/image.nii.gz",
        label="in/{{case}}/label.nii.gz",
    output:
        image="out/{{case}}/image.nii.gz",
        label="out/{{case}}/label.nii.gz",
        body="out/{{case}}/body.nii.gz",
        source="out/{{case}}/source.json",
    log: "results/made/logs/{{case}}.log"
    params:
        settings={SETTINGS},
        classes={{"liver": ["liver"]}},
        values={{"liver": 1, "tumour": 2}},
        slices=None,
    script: {str(SCRIPT)!r}
"""


@pytest.mark.slow
def test_a_malformed_scan_costs_its_case_alone(tmp_path):
    for case in CASES:
        (tmp_path / "in" / case).mkdir(parents=True)
        if case in BAD:
            malformed(*BAD[case]).make(tmp_path / "in" / case)
        else:
            save(tmp_path / "in" / case, stored())
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    command = [Path(sys.executable).with_name("snakemake"), "--cores", "2", "--keep-going", "--quiet", "rules"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    said = run.stdout + run.stderr
    assert run.returncode != 0
    assert "Traceback" not in said
    for case, one in BAD.items():
        lines = [line for line in said.splitlines() if line.startswith(f"[preprocess] case {case}: in/{case}/")]
        assert len(lines) == 1, said
        assert malformed(*one).says[-1] in lines[0]
    assert {path.parent.name for path in tmp_path.glob("out/*/*")} == {"sound"}
    assert len(list(tmp_path.glob("out/sound/*"))) == 4
