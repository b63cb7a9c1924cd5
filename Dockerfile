# ddtbench in a container, from the lock file.
#
#   docker build -t ddtbench .                       torch's default wheels: they hold CUDA and run on a CPU as well
#   docker build --build-arg TORCH_INDEX=URL -t ddtbench:cpu .
#                                                    torch's wheels for CPUs alone, some 5 GB less; URL: what pytorch.org's
#                                                    "Get started" page names for them
#   docker run --rm -v "$PWD/runs:/work/runs" ddtbench run demo --out runs
#   docker run --rm --gpus all -v "$PWD/runs:/work/runs" ddtbench run demo --out runs --device cuda
FROM python:3.11-slim-bookworm

ARG TORCH_INDEX=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PYTHONUNBUFFERED=1 DDTBENCH_DATA=/work/data
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /opt/ddtbench

# What changes rarely comes first. The CPU's wheels have other digests than the locked ones, so torch and torchvision come
# first and keep their versions; the rest is as locked.
COPY requirements.lock ./
RUN if [ -z "$TORCH_INDEX" ]; then \
      pip install --no-deps --require-hashes -r requirements.lock; \
    else \
      grep -E '^(torch|torchvision)==' requirements.lock | sed 's/ .*//' > torch.txt \
      && pip install --index-url "$TORCH_INDEX" -r torch.txt \
      && grep -vE '^(torch|torchvision|triton|cuda-.*|nvidia-.*)==' requirements.lock > others.lock \
      && pip install --no-deps --require-hashes -r others.lock; \
    fi

COPY . .
RUN pip install --no-deps --editable . && useradd --create-home --uid 1000 runner && mkdir -p /work/data && chown -R 1000 /work

USER 1000
WORKDIR /work
ENTRYPOINT ["ddtbench"]
CMD ["--help"]
