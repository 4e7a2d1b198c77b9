"""Measuring on the user's own host: the parts of the work alone, one real run, and what follows from both.

part      a measured part, and how it is measured
parts     decode, prepare, store, pictures, queue, outbox
models    bare inference in the runtime's throughput mode
ideal     what a run would take that did nothing but decode and infer
idle      what the cores had left
short_run one real run over the beginning of the video
advice    from measurements to settings
report    all of it as a table and as JSON
"""
