"""Audit density labels: which labelling method agrees with the others, and which with rendered truth."""

from throng.sections.audit_density import AuditDensity
from throng.stage import main
from throng.stages import audit_density

if __name__ == "__main__":
    main(audit_density.run, AuditDensity, globals().get("snakemake"))
