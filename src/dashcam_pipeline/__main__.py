"""`python -m dashcam_pipeline` is the `dashcam` command."""

from dashcam_pipeline.cli import main

if __name__ == "__main__":
    main()
