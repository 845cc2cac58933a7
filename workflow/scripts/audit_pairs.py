"""Audit pairs and edits: order by true count, shortcuts, seams, quality, rejections."""

from throng.sections.audit_pairs import AuditPairs
from throng.stage import main
from throng.stages import audit_pairs

if __name__ == "__main__":
    main(audit_pairs.run, AuditPairs, globals().get("snakemake"))
