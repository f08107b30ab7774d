"""CSV tables: six digits, and names that look like missing values stay names."""

import pandas as pd

from langscale.core.csv_tables import read_csv, write_csv


def test_a_table_comes_back_with_six_digits_and_its_names(tmp_path):
    values = {"sampler": ["none", "NA", None], "value": [1 / 3, 1e-9, float("nan")], "n": [1, 2, 3]}
    table = pd.DataFrame(values)
    write_csv(tmp_path / "tables/a.csv", table)
    text = (tmp_path / "tables/a.csv").read_bytes().decode()
    assert text == "sampler,value,n\nnone,0.333333,1\nNA,1e-09,2\n,,3\n"
    found = read_csv(tmp_path / "tables/a.csv")
    assert found["sampler"].tolist()[:2] == ["none", "NA"] and found["n"].tolist() == [1, 2, 3]
    assert found.isna().to_numpy().nonzero()[0].tolist() == [2, 2]  # the two empty fields
