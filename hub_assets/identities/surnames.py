"""Which surnames are too common for an initial beside them to tell who somebody is. How names are compared is elsewhere."""

from typing import Final

RARE: Final = 2
"""A surname is rare if at most so many different first names have it this week, and it is not one of `COMMON`."""
COMMON: Final = frozenset(
    (
        "chang chen cheng chang chiang chou chow chung deng ding dong feng gong guan guo hong hong hsieh hsu huang jiang "
        "kong lai lau leung liang liao lin ling liu long luo meng pang peng qian qiao shao shen shi song sun tang tian "
        "tong tsai tsang wang wong xiao xiong yang yuan zeng zhai zhang zhao zheng zhong zhou zhuang zou "
        "choi chang cheon cho chung hwang jang jeon jeong jung kang kwak kwon lee moon park shin song yang yoon yoo "
        "bang dang doan hoang huynh luong ngo nguyen pham phan tran trinh truong vuong "
        "endo fujii fujita goto hasegawa hashimoto hayashi ikeda inoue ishii ishikawa ito kato kimura kobayashi kondo "
        "maeda matsumoto mori murakami nakajima nakamura ogawa okada saito sakamoto sasaki sato shimizu suzuki takahashi "
        "tanaka watanabe yamada yamaguchi yamamoto yamashita yamazaki yoshida "
        "agarwal ahmed akhtar ansari arora bhat bhatia bose chopra chowdhury chatterjee choudhary dasgupta desai dixit "
        "ghosh goyal gupta iyer jain joshi kapoor khan krishnan kulkarni kumar malhotra mehta mishra mukherjee nair pandey "
        "patel pillai prasad rahman raman reddy saha saxena sethi shah sharma shukla singh sinha srivastava thakur "
        "trivedi tiwari varma verma yadav "
        "abbas abdullah ahmad ahmadi akbari ali amin aziz farooq fernando hamid hasan hassan hosseini hussain hussein "
        "ibrahim iqbal islam karimi khalil mahmoud malik mansour mohamed mohammadi mohammed mostafa mustafa nasser omar "
        "osman perera rashid rezaei saleh salem sayed sheikh siddiqui "
        "aydin celik demir dogan kaya ozdemir ozturk sahin yildirim yildiz yilmaz "
        "adams allen anderson baker bell brown campbell carter clark clarke collins cook cooper cruz davies davis edwards "
        "evans fisher foster gray green hall harris hill howard hughes jackson james johnson jones kelly king lewis long "
        "martin mcdonald miller mitchell moore morgan morris murphy murray nelson parker perry peterson phillips price "
        "reed richards richardson roberts robinson rogers ross russell sanders scott simpson smith stevens stewart taylor "
        "thomas thompson turner walker ward watson white williams wilson wood wright young "
        "alonso alvarez castillo castro chavez diaz dominguez fernandez flores garcia gomez gonzalez gutierrez hernandez "
        "herrera jimenez lopez martinez medina mendoza morales moreno munoz navarro ortiz perez ramirez ramos reyes rivera "
        "rodriguez romero ruiz sanchez santiago serrano soto suarez torres vargas vazquez "
        "almeida alves araujo barbosa carvalho costa dias fernandes ferreira gomes goncalves lima lopes machado marques "
        "martins mendes monteiro moreira nascimento nunes oliveira pereira pinto ribeiro rocha rodrigues santos silva "
        "soares sousa souza teixeira vieira "
        "bernard bertrand blanc bonnet david dubois dupont durand fournier garnier girard lambert laurent lefebvre leroy "
        "martin michel moreau morel petit richard robert rousseau roux simon vincent "
        "bauer becker braun fischer hartmann hoffmann huber keller klein koch konig kohler kramer krause kruger lange "
        "lehmann maier mayer meier meyer muller mueller neumann richter schmid schmidt schmitt schneider schulz schulze "
        "schwarz wagner weber weiss werner winkler wolf zimmermann "
        "bakker boer bruijn dekker dijk jansen janssen jong mulder peeters smit visser vries willems "
        "andersen andersson berg carlsen christensen eriksson gustafsson hansen henriksen jensen johansen johansson karlsson "
        "korhonen larsen larsson lindberg madsen nielsen nilsson olsen olsson pedersen persson petersen rasmussen "
        "sorensen svensson virtanen "
        "bianchi bruno colombo conti costa esposito ferrari fontana gallo giordano greco lombardi mancini marino moretti "
        "ricci rinaldi rizzo romano rossi russo "
        "ivanov ivanova kovalenko kuznetsov kuznetsova lebedev melnyk mikhailov morozov novikov petrov petrova popov "
        "popova shevchenko sidorov smirnov smirnova sokolov sokolova vasiliev volkov иванов иванова петров петрова "
        "сидоров смирнов смирнова кузнецов попов соколов лебедев морозов новиков волков шевченко "
        "horvath kovacs kowalski kowalska kowalczyk nagy novak nowak szabo toth wisniewski wojcik "
        "georgiou papadopoulos cohen levy mizrahi friedman katz "
        "abebe adeyemi diallo mensah mwangi ndiaye okafor okeke otieno traore"
    ).split()
)
"""Surnames, without accents, that are common somewhere: few people in a week do not make one of these rare.

Only those of four letters or more matter; the rest is never enough for a rule.
"""
