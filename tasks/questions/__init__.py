"""Text-to-image benchmarks whose judge answers questions: GenEval 2, T2I-CompBench, DPG-Bench, DrawBench.

``sets`` reads their files, ``benchmarks`` states each one's protocol and known deviations, ``task`` makes the images,
``vlm`` is the instrument that asks a local vision-language model, ``judging`` turns stored answers into judgements by
the Protocol of ``tasks.judging``, ``metrics`` averages them. The data are fetched by the user, none is shipped.
"""
