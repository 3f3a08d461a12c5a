"""`python -m devices.simulator`: the simulator without Django."""

import argparse
import sys

from devices.simulator import options, program

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m devices.simulator", description="Evolution API simulator")
    options.add_arguments(parser)
    sys.exit(program.run(options.from_arguments(parser.parse_args())))
