"""The batch job: from videos and settings to rows. One call of `dashcam run` goes through these files in this order.

inputs          what the videos are, by content
fingerprints    which settings and models can change a row
catching_up     what an earlier run could not bring in any more (leftovers, current_run)
resume          what is left to be read: pure decisions
job_plan, crew  the plan for the engine: tasks, limits, processes
run             all of it, in order
records         the rows of runs and videos, before and after
joining, revote what was seen of one vehicle becomes one sighting, once its videos are over
"""
