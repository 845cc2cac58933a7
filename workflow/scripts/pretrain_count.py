"""Train a network to count without labels."""

from throng.sections.pretrain_count import PretrainCount
from throng.stage import main
from throng.stages import pretrain_count

if __name__ == "__main__":
    main(pretrain_count.run, PretrainCount, globals().get("snakemake"))
