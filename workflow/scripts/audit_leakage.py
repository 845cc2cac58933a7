"""Audit leakage: near copies across splits and in known test sets."""

from throng.sections.audit_leakage import AuditLeakage
from throng.stage import main
from throng.stages import audit_leakage

if __name__ == "__main__":
    main(audit_leakage.run, AuditLeakage, globals().get("snakemake"))
