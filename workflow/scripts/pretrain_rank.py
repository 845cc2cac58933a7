"""Train an encoder to rank pictures by their number of people."""

from throng.sections.pretrain_rank import PretrainRank
from throng.stage import main
from throng.stages import pretrain_rank

if __name__ == "__main__":
    main(pretrain_rank.run, PretrainRank, globals().get("snakemake"))
