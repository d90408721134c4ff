"""`tillwatch bench rca`: recorded incidents judged by the evidence engine, and the score."""
