"""throng: from photographs to ranked pairs, counted scenes, counters and released shards."""

from snakemake.utils import min_version

min_version("9.27")


configfile: "config.yaml"


report: "workflow/report/workflow.rst"


include: "rules/common.smk"
include: "rules/models.smk"
include: "rules/sources.smk"
include: "rules/detector.smk"
include: "rules/demo_diffusion.smk"
include: "rules/pairs.smk"
include: "rules/synthetic.smk"
include: "rules/counts.smk"
include: "rules/density.smk"
include: "rules/gan.smk"
include: "rules/counters.smk"
include: "rules/ladder.smk"
include: "rules/release.smk"


from snakemake.logging import logger

from throng.operations.occupancy import check_writable, occupy
from throng.operations.recorder import Recorder

RUN = Recorder(Path(RESULTS))


onstart:
    # what two runs with results of their own may still write both
    shared = {"render": RENDERED, "fetch_models": "resources/models"}
    begun = {job.rule.name for job in workflow.dag.needrun_jobs()}
    try:
        occupy({RESULTS, *(folder for rule, folder in shared.items() if rule in begun)})
        check_writable(str(file) for job in workflow.dag.needrun_jobs() for file in job.output)
    except ThrongError as error:
        raise WorkflowError(str(error)) from error
    RUN.begin(workflow, log, logger)


onsuccess:
    RUN.end(well=True)


onerror:
    RUN.end(well=False)


localrules:
    all,
    fetch_models,


rule all:
    input:
        RELEASED,
        f"{RESULTS}/convert_dataset/dataset.parquet",
        REPORT,
