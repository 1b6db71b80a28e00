"""What every training is given, and what it leaves."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from unoise import tables
from unoise.compute import peak_mib
from unoise.errors import UserError
from unoise.files import content_hash, file_hash, whole_file, write_json
from unoise.networks.build import Normalised, parameter_count
from unoise.networks.models import read_card, save_model
from unoise.networks.weights import load_weights
from unoise.training.slices import CaseFiles

_SEEN = {2: "axial slices (N, 1, X, Y)", 3: "patches of volumes (N, 1, X, Y, Z)"}


@dataclass(frozen=True)
class Assignment:
    """One model to train.

    Attributes
    ----------
    model
        Its `<model>`.
    settings
        Everything that decides what is learned, but for the data: `network`, `training`, `seed` and more.
    code
        Digests of the training code and of the rule's script.
    training, validation
        Preprocessed cases; where there are none for validation, the last epoch counts.
    start
        File of weights to start from, or None.
    state
        Folder that keeps the last finished epoch.
    out
        Paths of `weights`, `history`, `config`, `card` and `costs`.
    compute
        The config's `compute`.
    """

    model: str
    settings: dict
    code: str
    training: CaseFiles
    validation: CaseFiles
    start: Path | None
    state: Path
    out: dict[str, Path]
    compute: dict

    @classmethod
    def of(cls, snakemake) -> "Assignment":
        """From a rule with the wildcard model, `start` (at most one file) and the files of the cases as inputs."""
        params, inputs = snakemake.params, snakemake.input
        return cls(
            snakemake.wildcards.model,
            params.settings,
            params.code + params.script,
            CaseFiles.of("train", params.training, inputs),
            CaseFiles.of("validation", params.validation, inputs),
            next(map(Path, inputs["start"]), None),
            Path(params.state),
            {name: Path(path) for name, path in snakemake.output.items()},
            snakemake.config["compute"],
        )

    def begin(self, network: Normalised, **wanted: list[str]) -> None:
        """Fill a new network with the weights to start from, if there are any.

        Parameters
        ----------
        wanted
            What the card of their file, if it has one, must say, by its entries.

        Raises
        ------
        UserError
            As `load_weights`, and if the card says something else.
        """
        if not self.start:
            return
        load_weights(network, self.start)
        card = read_card(self.start)
        for entry, names in wanted.items():
            if card.get(entry, names) != names:
                raise UserError(
                    f"its card says {entry} {card[entry]}, where the config has {names}",
                    file=self.start,
                    remedy="Give weights for these, or train the network",
                )

    def fingerprint(self, *files: Path) -> str:
        """Of everything that decides the weights: settings, code, data, the start and further files."""
        return content_hash(
            self.settings,
            self.code,
            self.training.content(),
            self.validation.patients,
            self.validation.content(),
            [file_hash(path) for path in (self.start, *files) if path],
        )

    def finish(self, network: Normalised, history: list[dict], passes: dict[str, int], card: dict) -> None:
        """Write what every trained model has: history, costs, resolved settings, card, and last the weights.

        Parameters
        ----------
        passes
            Columns units, forwards and backwards of `tables.COSTS`.
        card
            What this kind of model says beside what all say.
        """
        tables.write(self.out["history"], tables.HISTORY, [{"model": self.model, **row} for row in history])
        seconds, peak = sum(row["seconds"] for row in history), peak_mib(next(network.parameters()).device)
        costs = {"stage": "train", "model": self.model, **passes, "seconds": seconds, "peak_mib": peak}
        tables.write(self.out["costs"], tables.COSTS, [costs])
        with whole_file(self.out["config"]) as temporary:
            temporary.write_text(yaml.safe_dump(self.settings, sort_keys=False), encoding="utf-8")
        shared = {
            "network": self.settings["network"],
            "parameters": parameter_count(network),
            "pretrained": bool(self.settings.get("start")),
            "input": f"preprocessed CT in window units in [0, 1], {_SEEN[network.spatial_dims]}",
        }
        if "inference" in self.settings:
            shared["inference"] = self.settings["inference"]
        card = shared | card
        write_json(self.out["card"], card)
        save_model(self.out["weights"], network, card)
