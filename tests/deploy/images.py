"""The images that deploy/compose.yaml names, made here: weir's from deploy/Dockerfile, the others
from Debian's packages and Maven's artifacts, as far as the compose file uses them."""
import shutil
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

from engine import digest, run

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
STAND_INS = {"kafka": "weir-test/kafka", "mosquitto": "weir-test/mosquitto",
             "nginx": "weir-test/nginx"}
WEIR = "weir-test/weir"
BUILD_STAGE = "weir-test/build"  # what is kept of weir's image


def weir_dev():
    sys.dont_write_bytecode = True
    return SourceFileLoader("weir_dev", str(REPOSITORY / "deploy/dev/weir-dev")).load_module()


def kafka_context(directory):
    """The folder to build Kafka's image in: links to the jars that weir-dev fetched."""
    shutil.copytree(HERE / "images/kafka", directory)
    shutil.copy(REPOSITORY / "deploy/dev/log4j2.properties", directory)
    shutil.copytree(weir_dev().kafka_cache() / "libs", directory / "libs")
    return directory


def make_stand_ins(engine):
    """The other images."""
    def make():
        print("making images of Kafka, mosquitto and nginx (once)", flush=True)
        context = kafka_context(engine.directory / "kafka")
        engine.build(STAND_INS["kafka"], context)
        shutil.rmtree(context)
        for name in ("mosquitto", "nginx"):
            engine.build(STAND_INS[name], HERE / "images" / name)

    key = digest(HERE / "images", REPOSITORY / "deploy/dev/pom.xml", base_id(engine))
    engine.keep("stand-ins", key, list(STAND_INS.values()), make)
    return STAND_INS


def base_id(engine):
    return engine.docker("images", "--no-trunc", "--quiet", engine.base()).strip()


def packages(text):
    """The Dockerfile up to where our sources come in, and its runtime's packages: what is worth
    keeping, because nothing in it changes from commit to commit."""
    build, runtime = text.split("\n\n\n")
    return build[:build.index("WORKDIR")], runtime[:runtime.index("COPY")]


CACHES = [f"{BUILD_STAGE}:{name}" for name in ("packages", "runtime", "compiled")]
KNOWN = [word for tag in CACHES for word in ("--cache-from", tag)]


def make_weir(engine, tree=REPOSITORY):
    """weir's image; the layers below its sources come out of the cache, and what was compiled of
    the same sources before."""
    engine.base()
    dockerfile = (tree / "deploy/Dockerfile").read_text()
    parts = packages(dockerfile)

    def make_packages():
        for tag, part in zip(CACHES, parts):
            folder = engine.directory / "packages"
            folder.mkdir()
            (folder / "Dockerfile").write_text(part)
            engine.build(tag, folder)
            shutil.rmtree(folder)

    def compile_weir():
        print("compiling weir in a container", flush=True)
        engine.build(CACHES[2], tree, "deploy/Dockerfile", "--target", "compiled", *KNOWN[:4])

    engine.keep("weir-packages", digest(*parts, base_id(engine)), CACHES[:2], make_packages)
    sources = [tree / name for name in ("Makefile", "VERSION", "connectors", "worker", "rest-api")]
    engine.keep("weir-compiled", digest(dockerfile, base_id(engine), *sources), CACHES[2:],
                compile_weir)
    commit = run("git", "-C", REPOSITORY, "rev-parse", "--short=16", "HEAD").strip()
    return engine.build(WEIR, tree, "deploy/Dockerfile", *KNOWN, "--build-arg", f"COMMIT={commit}")
