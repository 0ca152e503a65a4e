"""Separability: how far labels lie apart, and whether the model memorised what it was trained on.

After Zhou & Srikumar, "DirectProbe" (NAACL 2021) and "A Closer Look at How Fine-tuning Changes BERT" (ACL 2022).
"""
