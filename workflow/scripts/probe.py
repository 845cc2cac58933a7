"""Probe what networks have learnt without labels."""

from throng.sections.probe import Probe
from throng.stage import main
from throng.stages import probe

if __name__ == "__main__":
    main(probe.run, Probe, globals().get("snakemake"))
