"""List the images to ask for."""

from throng.sections.prompt import Prompt
from throng.stage import main
from throng.stages import prompt

if __name__ == "__main__":
    main(prompt.run, Prompt, globals().get("snakemake"))
