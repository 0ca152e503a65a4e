from tests.separability.stand_ins import install

install()
