"""Models as the stages ask them: runtimes, input sizes, detectors, readers."""
